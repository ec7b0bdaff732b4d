{#
    The keys under which a feed's rows and the rows that were last delivered are not
    the same, counted: what a delta must restate. No clock is asked, so a failed
    delivery loses nothing and running twice changes nothing.

    feed: today's rows. published: the rows the partner holds. key: the columns that
    name what is restated whole. columns: a select list, the same of both.
#}
{% macro changed_since_published(feed, published, key, columns) -%}
    select distinct {{ key | join(', ') }}
    from (
        (
            select {{ columns }} from {{ feed }}
            except all
            select {{ columns }} from {{ published }}
        )
        union all
        (
            select {{ columns }} from {{ published }}
            except all
            select {{ columns }} from {{ feed }}
        )
    ) as differing
{%- endmacro %}
