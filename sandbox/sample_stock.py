"""SQL that makes the stock of the sample: one row per item and its location."""

STOCK = """
CREATE OR REPLACE TEMP TABLE stock AS
WITH stocked AS (
    SELECT recorded.i, recorded.id, recorded.name, edge_case, part_type,
        preview_on_hand, place.id AS place_id, place.name AS place,
        draw(recorded.i, place.name) AS drawn,
        -- The last day on which its stock there changed.
        coalesce(list_last(list_filter(
            range(1, getvariable('day') + 1),
            lambda day: chance(recorded.i, place.name || day, 0.12)
        )), 0) AS moved
    FROM recorded
    JOIN place ON
        -- The protected part is at every location. Edge cases and the case study are
        -- at the first location only, so that one row leads to one decision.
        CASE
            WHEN recorded.edge_case = 'protected' THEN true
            WHEN recorded.edge_case <> '' OR recorded.i < 4 THEN place.id = 1
            ELSE chance(recorded.i, 'kept ' || place.name, CASE place.id
                WHEN 1 THEN 0.88 WHEN 2 THEN 0.36 ELSE 0.03 END)
        END
),
counted AS (
    SELECT *,
        CASE
            WHEN preview_on_hand IS NOT NULL THEN preview_on_hand
            WHEN edge_case IN ('inactive', 'superseded', 'surcharge') THEN drawn % 3
            WHEN edge_case = 'od low stock' THEN 1 + drawn % 4
            WHEN edge_case <> '' THEN 5 + drawn % 20
            WHEN drawn < 520000 THEN 0
            WHEN part_type = 'OD' THEN 7 + drawn % 25
            -- A small stock of most items, a large one of some.
            ELSE 1 + drawn % (1 + CAST(sqrt(drawn) AS BIGINT) % 48)
        END AS usual
    FROM stocked
),
moved AS (
    SELECT *, CASE
        WHEN moved = 0 OR preview_on_hand IS NOT NULL OR edge_case <> '' THEN usual
        WHEN usual = 0 THEN 12
        ELSE greatest(CASE part_type WHEN 'OD' THEN 5 ELSE 0 END,
            usual - 1 - CAST((moved * 7 + i) % 4 AS BIGINT))
    END AS on_hand
    FROM counted
)
SELECT *,
    -- Some of it is reserved, never all of it.
    greatest(least(on_hand, 1), on_hand - CAST(drawn % 3 AS BIGINT)) AS available
FROM moved
"""

ROWS = """
INSERT INTO record
SELECT 1112, (SELECT max(key) FROM record)
    + row_number() OVER (ORDER BY id, place_id),
    row_number() OVER (ORDER BY id, place_id),
    '{"ItemRef":' || ref(id, name) || ',"LocationRef":'
    || CASE WHEN edge_case = 'location null' THEN 'null' ELSE ref(place_id, place) END
    || CASE edge_case
        WHEN 'quantity absent' THEN ''
        WHEN 'quantity null' THEN ',"OnHand":null'
        WHEN 'quantity negative' THEN ',"OnHand":-' || on_hand
        WHEN 'quantity negative fraction' THEN ',"OnHand":-0.5'
        WHEN 'quantity fraction' THEN ',"OnHand":' || on_hand || '.25'
        WHEN 'quantity implausible' THEN ',"OnHand":' || on_hand || '0000'
        WHEN 'quantity huge' THEN ',"OnHand":999999999999'
        WHEN 'quantity with zeros' THEN ',"OnHand":' || on_hand || '.0000'
        ELSE ',"OnHand":' || on_hand
    END
    || CASE edge_case
        WHEN 'nothing available' THEN ',"Available":0'
        WHEN 'available null' THEN ',"Available":null'
        WHEN 'quantity negative' THEN ',"Available":-' || on_hand
        ELSE ',"Available":' || available
    END
    || ',"ReorderPoint":' || CASE WHEN drawn % 6 = 0 THEN '4' ELSE 'null' END || '}'
FROM stock
ORDER BY id, place_id
"""

# Stock of kits: rows whose item is in no list of Part Items.
KITS = """
INSERT INTO record
SELECT 1112, (SELECT max(key) FROM record) + row_number() OVER (ORDER BY id),
    (SELECT max(id) FROM record WHERE type = 1112) + row_number() OVER (ORDER BY id),
    '{"ItemRef":' || ref(id, body ->> '$.Name')
    || ',"LocationRef":{"Id":1,"Name":"HQ"},"OnHand":2,"Available":2'
    || ',"ReorderPoint":null}'
FROM record
WHERE type = 107
ORDER BY id
"""
