{{ order_feed_in_layout(3) }}
