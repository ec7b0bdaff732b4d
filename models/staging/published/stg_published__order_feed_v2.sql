{{ published_rows('order_feed_v2') }}
