{#
    The codes that the rules can give, in the order in which they are asked, read from
    the rules themselves: the models that hold them are the only list there is. The
    list is for a test, which holds it against seeds/reason_codes.csv.

    A model of rules has groups of codes, concat_ws(...) as <group>_codes, each rule
    ending "then 'CODE'"; int_parts_decided strings the groups together.
#}
{% macro ruled_codes() -%}
    {%- set groups = {} -%}
    {%- for model in ['int_parts_scoped', 'int_parts_ruled'] -%}
        {%- set found = modules.re.findall(
            'concat_ws\((.*?)\) as (\w+_codes)', model_text(model), modules.re.DOTALL
        ) -%}
        {%- for rules, group in found -%}
            {%- do groups.update({
                group: modules.re.findall("then '([A-Z_]+)'", rules)
            }) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set codes = [] -%}
    {%- for group, code in modules.re.findall(
        "nullif\(\w+\.(\w+_codes)|then '([A-Z_]+)'", model_text('int_parts_decided')
    ) -%}
        {%- do codes.extend(groups[group] if group else [code]) -%}
    {%- endfor -%}
    {{ return(codes | unique | list) }}
{%- endmacro %}


{#
    The text of a model, as written. Only known once dbt runs.

    model: the model's name.
#}
{% macro model_text(model) -%}
    {{ return(graph.nodes['model.' ~ project_name ~ '.' ~ model].raw_code) }}
{%- endmacro %}


{#
    A list of texts as rows of (position, reason_code), counted from 1.

    codes: the texts.
#}
{% macro numbered_rows(codes) -%}
    {%- set rows = ["(0, '')"] -%}
    {%- for code in codes -%}
        {%- do rows.append("(" ~ loop.index ~ ", '" ~ code ~ "')") -%}
    {%- endfor -%}
    select
        position,
        reason_code
    from (values {{ rows | join(', ') }}) as numbered (position, reason_code)
    where position > 0
{%- endmacro %}
