{{ published_rows('order_feed_v1', ['order_id']) }}
