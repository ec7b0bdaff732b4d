{{ order_feed_delta_in_layout(3) }}
