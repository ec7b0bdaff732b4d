{{ published_rows('order_feed_v3', ['order_id']) }}
