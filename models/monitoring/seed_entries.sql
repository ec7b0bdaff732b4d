{#-
    Each list: the seed, its column, the source, whether the list forbids, and the
    comparisons. A comparison has the key of an entry, the table, and the key of its
    values: those that the rules compare.
#}
{%- set parts, locations = 'stg_ordertime__part_items', 'stg_ordertime__locations' %}
{%- set partslink = part_number_key(partslink_text('partslink', 'item_name')) %}
{%- set number = part_number_key('part_number_key') %}
{%- set lists = [
    ('part_type_synonyms', 'synonym', 'ordertime', false, [
        (list_key('synonym'), parts, list_key('part_type_name')),
    ]),
    ('certification_synonyms', 'synonym', 'ordertime', false, [
        (list_key('synonym'), parts, list_key('certification_name')),
    ]),
    ('item_group_part_types', 'item_group', 'ordertime', false, [
        (list_key('item_group'), parts, list_key('item_group_name')),
    ]),
    ('units_of_measure', 'unit', 'ordertime', false, [
        (list_key('unit'), parts, list_key('unit_name')),
        (list_key('unit'), parts, list_key('unit_set_name')),
    ]),
    ('location_map', 'location_name', 'ordertime', false, [
        (list_key('location_name'), locations, list_key('location_name')),
    ]),
    ('protected_parts', 'supplier_sku', 'ordertime', true, [
        (list_key('supplier_sku'), parts, list_key('item_name')),
    ]),
    ('withdrawn_certificates', 'part_number_key', 'ordertime', true, [
        (number, parts, part_number_key('manufacturer_part_number')),
        (number, parts, partslink),
        (partslink_base(number), parts, partslink_base(partslink)),
    ]),
    ('term_file_names', 'sis_term_id', 'order_tool', false, [
        ('sis_term_id', 'stg_order_tool__terms', 'sis_term_id'),
    ]),
] -%}

-- The entries of the seeds that are compared with values of a source, and whether any
-- record has such a value now.

{% for seed, column, source_name, forbids, comparisons in lists %}
    {%- set matches_any = [] %}
    {%- for entry_key, table, value_key in comparisons %}
        {%- do matches_any.append(
            'coalesce(' ~ entry_key ~ ' in (select ' ~ value_key ~ ' from '
            ~ ref(table) ~ '), false)'
        ) %}
    {%- endfor %}
    select
        '{{ seed }}' as seed,
        '{{ source_name }}' as source_name,
        {{ column }} as entry,
        {{ forbids }} as is_forbidding,
        {{ matches_any | join(' or ') }} as is_matched

    from {{ ref(seed) }}

    {% if not loop.last %}union all{% endif %}

{% endfor %}
