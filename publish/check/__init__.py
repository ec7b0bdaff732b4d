"""`publish check`: one tiny delivery to a partner's folder, which is then removed.

It takes the steps of a delivery, over the same transports. Every name that it uses ends
in `.part`, so that no pick-up job takes the file.
"""
