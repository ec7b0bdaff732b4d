"""SQL that makes the orders of the sample, a stage at a time, all in DuckDB.

`placed`   who each order is: its situation, its term, when it was made
`held`     what is on it, after the nights until `day`
`dated`    the same, with when it was last updated
"""

# A table first: what reads a table runs on every core, what reads a range on one.
COUNTED = """
CREATE OR REPLACE TEMP TABLE counted AS
FROM range(getvariable('orders') + getvariable('day') * getvariable('new')) AS t(i)
"""

PLACED = """
CREATE OR REPLACE TEMP TABLE placed AS
WITH turned AS (
    SELECT i, coalesce(odd.name, '') AS situation,
        -- The night in which it came; 0 for those there on day 0.
        greatest(0, 1 + (i - getvariable('orders')) // getvariable('new')) AS born,
        i < getvariable('orders') AS is_old,
        draw(i, 'term') AS share
    FROM counted LEFT JOIN odd ON odd.slot = i % 500
),
termed AS (
    SELECT * EXCLUDE (is_old, share, born),
        CASE WHEN is_old THEN 0 ELSE born END AS born,
        CASE
            -- What shows something shows it in a term that is open.
            WHEN i < 2 OR situation <> '' AND is_old THEN 0
            WHEN is_old AND share < 100000 THEN -1
            WHEN share < 700000 AND (is_old OR born <= 24) THEN 0
            ELSE 1
        END AS place
    FROM turned
)
SELECT termed.*, term.id AS term, term.closes_at,
    CASE WHEN born = 0 THEN
        date_trunc('minute', opens_at + to_seconds(CAST(
            draw(i, 'created') / 1000000
            * epoch(least(getvariable('start'), closes_at) - opens_at) AS BIGINT)))
    ELSE getvariable('start') + to_days(CAST(born AS INTEGER) - 1)
        + to_minutes(CAST(pick(i, 'created', 1380) AS INTEGER))
    END AS created
FROM termed JOIN term USING (place)
"""

# The last night, if any, that did something to an order that was there before.
NIGHTS = """
CREATE OR REPLACE TEMP MACRO nights(i, born, what, share, is_tonight) AS list_filter(
    range(born + 1, getvariable('day') + 1),
    lambda day: day = born + 1 AND is_tonight
        OR chance(i, what || ' day ' || day, share)
);
CREATE OR REPLACE TEMP MACRO last_night(i, born, what, share, is_tonight) AS
    coalesce(list_last(nights(i, born, what, share, is_tonight)), 0);
"""

HELD = """
CREATE OR REPLACE TEMP TABLE held AS
WITH counts AS (
    SELECT *,
        CASE
            WHEN example_items IS NOT NULL THEN example_items
            WHEN situation IN ('no items', 'nothing at all', 'only requests',
                'every status') THEN 0
            WHEN situation IN ('tonight an item goes') THEN 2
            WHEN situation <> '' THEN 1
            ELSE 1 + pick(i, 'items', 10) // 5 + pick(i, 'items', 10) // 9
                - CASE WHEN chance(i, 'requests only', 0.05) THEN 1 ELSE 0 END
        END AS items_then,
        CASE
            WHEN example_requests IS NOT NULL THEN example_requests
            WHEN situation IN ('request twice', 'only requests') THEN 2
            WHEN situation = 'every status' THEN 5
            WHEN situation IN ('request canceled', 'request odd',
                'tonight a status moves') THEN 1
            WHEN situation <> '' THEN 0
            WHEN chance(i, 'requests only', 0.05) THEN 1
            ELSE greatest(0, pick(i, 'requests', 20) - 17)
        END AS requests,
        CASE
            WHEN example_sections IS NOT NULL THEN example_sections
            WHEN situation IN ('no sections', 'nothing at all') THEN 0
            WHEN situation = 'tonight a section goes' THEN 2
            WHEN situation <> '' THEN 1
            ELSE 1 + pick(i, 'sections', 10) // 6 + pick(i, 'sections', 10) // 9
        END AS sections_then,
        last_night(i, born, 'section goes', 0.003,
            situation = 'tonight a section goes') AS section_night,
        last_night(i, born, 'item goes', 0.003,
            situation = 'tonight an item goes') AS item_night,
        last_night(i, born, 'item comes', 0.004,
            situation = 'tonight an item comes') AS more_night,
        last_night(i, born, 'status', 0.006,
            situation = 'tonight a status moves') AS status_night,
        len(nights(i, born, 'status', 0.006,
            situation = 'tonight a status moves')) AS status_steps,
        last_night(i, born, 'canceled', 0.002,
            situation = 'tonight it is canceled') AS cancel_night
    FROM placed LEFT JOIN example USING (i)
)
SELECT i, situation, place, term, closes_at, created, born, requests, status_steps,
    CASE
        WHEN i < 2 THEN items_then
        WHEN item_night > 0 AND items_then > 1 THEN items_then - 1
        WHEN more_night > 0 AND items_then BETWEEN 1 AND 2 THEN items_then + 1
        ELSE items_then
    END AS items,
    CASE WHEN i >= 2 AND section_night > 0 AND sections_then > 1 THEN sections_then - 1
        ELSE sections_then END AS sections,
    CASE WHEN i < 2 THEN 0 ELSE greatest(
        CASE WHEN items_then > 1 THEN item_night ELSE 0 END,
        CASE WHEN items_then BETWEEN 1 AND 2 THEN more_night ELSE 0 END,
        CASE WHEN sections_then > 1 THEN section_night ELSE 0 END,
        CASE WHEN requests > 0 THEN status_night ELSE 0 END,
        cancel_night
    ) END AS last_night,
    CASE WHEN i < 2 THEN 0 ELSE cancel_night END AS cancel_night,
    i >= 2 AND (situation = 'canceled'
        OR born = 0 AND situation = '' AND chance(i, 'canceled', 0.03)) AS was_canceled,
    situation = 'royalty' OR chance(i, 'royalty', 0.08) AS is_royalty,
    -- The books of an order are neighbours in the catalog, so that none stands twice.
    coalesce(odd_book.k, pick(i, 'book', getvariable('books') - getvariable('odd') - 3))
        AS first_book,
    word(getvariable('subjects'), i, 'subject') || '-'
        || CAST(100 + pick(i, 'course', 390) AS VARCHAR) AS course,
    1 + pick(i, 'section', 8) AS first_section
FROM counts
LEFT JOIN (SELECT k, situation FROM book WHERE situation <> '') AS odd_book
    USING (situation)
"""

DATED = """
CREATE OR REPLACE TEMP TABLE dated AS
WITH ended AS (
    -- An order of a later night comes after the start.
    SELECT *, date_trunc('second', created + to_seconds(CAST(
        draw(i, 'updated') / 1000000
        * greatest(0, epoch(least(getvariable('start'), closes_at) - created)) AS BIGINT
    ))) AS later
    FROM held
)
SELECT *,
    CASE
        WHEN last_night > 0 THEN night(last_night, i)
        WHEN was_canceled OR born = 0 AND chance(i, 'edited', 0.4) THEN later
        ELSE created
    END AS updated,
    CASE
        WHEN was_canceled THEN later
        WHEN cancel_night > 0 THEN night(cancel_night, i)
    END AS canceled
FROM ended
"""
NIGHT = """
CREATE OR REPLACE TEMP MACRO night(day, i) AS getvariable('start')
    + to_days(CAST(day AS INTEGER) - 1)
    + to_seconds(CAST(1 + pick(i, 'moment', 86000) AS INTEGER))
"""

REQUEST = """
CREATE OR REPLACE TEMP MACRO status(i, nth, situation, steps) AS CASE
    WHEN situation = 'request canceled' THEN 'Canceled'
    WHEN situation = 'every status' THEN getvariable('statuses')[nth]
    WHEN situation = 'tonight a status moves' THEN getvariable('statuses')[1 + steps]
    WHEN pick(i, 'status ' || nth, 10) // 3 + steps < 2
        THEN getvariable('statuses')[1 + pick(i, 'status ' || nth, 10) // 3 + steps]
    ELSE getvariable('ends')[1 + pick(i, 'end ' || nth, 5)]
END;
CREATE OR REPLACE TEMP MACRO request(i, nth, situation, steps, created, title, isbn) AS
    '{"created_at":' || instant(created) || ',"title":'
    || CASE situation WHEN 'request odd'
        THEN j('the \\"blue\\" book; ask Dr. Ü,' || chr(10) || 'null \\')
        ELSE j(typed(title)) END
    || ',"isbn":' || CASE
        WHEN situation = 'request odd' THEN j('"?"\\')
        WHEN situation = 'request twice' THEN j(isbn)
        WHEN chance(i, 'typed ' || nth, 0.5) THEN 'null'
        WHEN chance(i, 'typed odd ' || nth, 0.3)
            THEN j(word(getvariable('typed_isbns'), i, 'typed isbn ' || nth))
        ELSE j(isbn) END
    || ',"status":"' || status(i, CASE WHEN situation = 'request twice' THEN 1
        ELSE nth END, situation, steps) || '"}'
"""

SECTION = """
CREATE OR REPLACE TEMP MACRO section(course, number, situation) AS
    '{"sis_section_id":' || CASE situation
        WHEN 'section odd' THEN j(course || ' "evening"; A/B, 00' || number)
        ELSE '"' || course || '-' || digits(number, 3) || '"' END || '}'
"""

_SECTIONS = ", ".join(
    f"CASE WHEN sections >= {at} THEN"
    f" section(course, first_section + {at - 1}, situation) END"
    for at in (1, 2, 3)
)
_ITEMS = ", ".join(
    f"CASE WHEN items >= {at} THEN book_{at}.body END" for at in (1, 2, 3)
)
# A request is for a book that the catalog might have, but not on this order.
_REQUESTS = ", ".join(
    f"CASE WHEN requests >= {at} THEN request(i, {at}, situation, status_steps,"
    f" created, book_3.title, book_3.isbn) END"
    for at in (1, 2, 3, 4, 5)
)

ORDER = (
    """
INSERT INTO record
SELECT 2, (SELECT max(key) FROM record) + 1 + i, 500001 + 2 * i,
    '{"order_id":' || 500001 + 2 * i || ',"sis_term_id":' || j(term)
    || ',"created_at":' || instant(created) || ',"updated_at":' || instant(updated)
    || ',"canceled_at":' || coalesce(instant(canceled), 'null')
    || ',"is_royalty":' || is_royalty
    || ',"sections":[' || concat_ws(',', {sections})
    || '],"catalog_items":[' || concat_ws(',', {items})
    || '],"content_requests":[' || concat_ws(',', {requests}) || ']}'
FROM dated
JOIN offer AS book_1 ON book_1.place = dated.place AND book_1.k = first_book
LEFT JOIN offer AS book_2
    ON book_2.place = dated.place AND book_2.k = (first_book + 1) % getvariable('books')
LEFT JOIN offer AS book_3
    ON book_3.place = dated.place AND book_3.k = (first_book + 2) % getvariable('books')
ORDER BY i
""".replace("{sections}", _SECTIONS)
    .replace("{items}", _ITEMS)
    .replace("{requests}", _REQUESTS)
)
