-- Layout 1.0 has no content requests: it cannot tell one from a catalog item.
{{ order_feed_in_layout(1, "order_item_type = 'catalog_item'") }}
