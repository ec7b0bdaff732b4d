-- Layout 1.0 has no content requests: it has no column to mark them.
{{ order_feed_in_layout(1, "order_item_type = 'catalog_item'") }}
