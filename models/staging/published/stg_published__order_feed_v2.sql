{{ published_rows('order_feed_v2', ['order_id']) }}
