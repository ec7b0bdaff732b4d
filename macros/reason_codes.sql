{#
    The codes that the rules can give, in the order in which the rules are applied. They
    are read from the text of the models, so there is no second list of them. A test
    compares them with seeds/reason_codes.csv.

    A model of rules has groups of codes, concat_ws(...) as <group>_codes, in which each
    rule ends with "then 'CODE'". int_parts_13_all_codes joins the groups.
#}
{% macro ruled_codes() -%}
    {%- set groups = {} -%}
    {%- for model in ['int_parts_11_place_codes', 'int_parts_08_item_codes'] -%}
        {%- set rule_groups = modules.re.findall(
            'concat_ws\((.*?)\) as (\w+_codes)', model_text(model), modules.re.DOTALL
        ) -%}
        {%- for rules, group in rule_groups -%}
            {%- do groups.update({
                group: modules.re.findall("then '([A-Z_]+)'", rules)
            }) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set codes = [] -%}
    {%- for group, code in modules.re.findall(
        "nullif\(\w+\.(\w+_codes)|then '([A-Z_]+)'", model_text('int_parts_13_all_codes')
    ) -%}
        {%- do codes.extend(groups[group] if group else [code]) -%}
    {%- endfor -%}
    {{ return(codes | unique | list) }}
{%- endmacro %}


{#
    The text of a model, as written. Only known while dbt runs.

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


{#
    Codes that are joined by vertical bars, as a list.

    column: the text.
#}
{% macro codes_of(column) -%}
    {{ return(adapter.dispatch('codes_of')(column)) }}
{%- endmacro %}

{% macro default__codes_of(column) -%}
    string_split({{ column }}, '|')
{%- endmacro %}

{% macro spark__codes_of(column) -%}
    split({{ column }}, '[|]')
{%- endmacro %}
