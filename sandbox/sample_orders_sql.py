"""SQL that makes the terms, the catalog and the orders of the sample in DuckDB.

`term`     three terms, dated by the time of day 0
`book`     a catalog item, the same in every term; edge cases come last
`offer`    a book in one term: the JSON text that an order holds
`placed`   each order's edge case, term and time of creation
`filled`   with its items, requests and sections after the nights until `day`
`dated`    with the times of its last update and its cancelation
"""

BOOKS = 4000

MACROS = r"""
CREATE OR REPLACE MACRO word(words, thing, salt) AS
    words[1 + pick(thing, salt, len(words))];
-- A title as users type it.
CREATE OR REPLACE MACRO typed(title) AS left(lower(title), 120);
CREATE OR REPLACE MACRO isbn(unit) AS '978' || digits(unit, 9) || CAST(
    (10 - (list_sum(list_transform(
        range(1, 13),
        lambda place: (CASE WHEN place % 2 = 0 THEN 3 ELSE 1 END)
            * CAST(substr('978' || digits(unit, 9), place, 1) AS INTEGER)
    ))) % 10) % 10 AS VARCHAR);
"""

# `opens` and `closes` are days after day 0.
TERM = """
CREATE OR REPLACE TEMP TABLE term AS
WITH numbered AS (
    SELECT place, year(start) * 3 + (month(start) - 1) // 4 + place AS number,
        start + to_days(opens) + to_hours(5) AS opens_at,
        start + to_days(closes) + to_hours(5) AS closes_at,
        is_archived
    FROM (SELECT date_trunc('day', getvariable('start')) AS start)
    CROSS JOIN (VALUES
        (-1, -210, -90, true), (0, -75, 25, false), (1, -20, 90, false)
    ) AS dated (place, opens, closes, is_archived)
)
SELECT place, opens_at, closes_at, is_archived,
    '4' || digits(number // 3, 2) || ['2', '5', '8'][1 + number % 3] AS id,
    ['Spring ', 'Summer ', 'Fall '][1 + number % 3] || number // 3 AS name
FROM numbered
"""

TERM_ROWS = """
INSERT INTO record
SELECT 1, row_number() OVER (ORDER BY id), row_number() OVER (ORDER BY id),
    '{"sis_term_id":' || j(id) || ',"name":' || j(name)
    || ',"ordering_opens_at":' || instant(opens_at)
    || ',"ordering_closes_at":' || instant(closes_at)
    || ',"is_archived":' || is_archived || '}'
FROM term
ORDER BY id
"""

BOOK = """
CREATE OR REPLACE TEMP TABLE book AS
WITH drawn AS (
    SELECT k, coalesce(odd.name, '') AS edge_case,
        coalesce(odd.title, replace(
            word(getvariable('forms'), k, 'form'), '%',
            word(getvariable('topics'), k, 'topic'))) AS title,
        coalesce(odd.authors, list_transform(
            range(1 + pick(k, 'authors', 6) // 2),
            lambda nth: word(getvariable('given'), k, 'given ' || nth) || ' '
                || word(getvariable('families'), k, 'family ' || nth))) AS authors,
        CAST(20 + draw(k, 'list') / 6000 AS DECIMAL(9, 2)) AS list_price
    FROM range(getvariable('books')) AS t(k)
    LEFT JOIN odd_item AS odd ON getvariable('books') - getvariable('odd') + odd.nth = k
)
SELECT *, 'UC-' || 1000 + k AS content_id,
    CASE WHEN edge_case = 'isbn missing' OR chance(k, 'no isbn', 0.06) THEN NULL
        ELSE isbn(scattered(k)) END AS isbn,
    CASE WHEN edge_case = 'dates and editions missing' OR chance(k, 'no date', 0.1)
        THEN NULL
        ELSE DATE '1996-01-01' + CAST(pick(k, 'date', 10000) AS INTEGER)
    END AS published,
    CASE WHEN edge_case = 'dates and editions missing' OR chance(k, 'no edition', 0.2)
        THEN NULL ELSE word(getvariable('editions'), k, 'edition') END AS edition,
    CASE WHEN edge_case = 'publisher missing' THEN NULL
        ELSE word(getvariable('publishers'), k, 'publisher') END AS publisher,
    word(getvariable('solutions'), k, 'solution') AS solution,
    chance(k, 'sis', 0.15) AS is_in_sis
FROM drawn
"""

# On some nights a price changes in one term; the previous one becomes the original.
OFFER = """
CREATE OR REPLACE TEMP TABLE offer AS
WITH dated AS (
    SELECT book.*, place,
        len(list_filter(
            range(1, getvariable('day') + 1),
            lambda day: chance(k, 'price ' || place || ' day ' || day, 0.001)
                OR day = 1 AND edge_case = 'title with comma'
        )) AS changes,
        CASE WHEN edge_case = 'prices were changed'
            OR chance(k, 'changed before ' || place, 0.05) THEN 1 ELSE 0 END AS earlier
    FROM book CROSS JOIN term
),
priced AS (
    SELECT *,
        CASE WHEN edge_case <> 'prices missing'
            THEN list_price * (1 + 0.04 * (changes + earlier)) END AS list_now,
        CASE WHEN edge_case <> 'prices missing' AND changes + earlier > 0
            THEN list_price * (1 + 0.04 * (changes + earlier - 1)) END AS list_then
    FROM dated
)
SELECT k, place, title, isbn,
    '{"content_id":' || j(content_id)
    || ',"sis_content_id":' || CASE WHEN is_in_sis THEN j('S' || content_id)
        ELSE 'null' END
    || ',"author":' || to_json(authors) || ',"title":' || j(title)
    || ',"searchable_isbn":' || j(isbn)
    || ',"publication_date":' || j(CAST(published AS VARCHAR))
    || ',"delivery_solution":' || j(solution)
    || ',"sis_publisher_id":' || CASE WHEN is_in_sis AND publisher IS NOT NULL
        THEN j('P-' || len(publisher)) ELSE 'null' END
    || ',"publisher_name":' || j(publisher) || ',"edition":' || j(edition)
    || price('offer_price', list_now, list_then, 0.60)
    || price('print_list_price', list_now, list_then, 1.00)
    || price('student_price', list_now, list_then, 0.65) || '}' AS body
FROM priced
"""

PRICE = """
CREATE OR REPLACE TEMP MACRO price(name, list_now, list_then, share) AS
    ',"' || name || '":' || n(CAST(list_now * share AS DECIMAL(9, 2)))
    || ',"' || name || '_original":' || n(CAST(list_then * share AS DECIMAL(9, 2)))
"""

# A table, because DuckDB reads a table on every core but a range on one.
COUNTED = """
CREATE OR REPLACE TEMP TABLE counted AS
FROM range(getvariable('orders') + getvariable('day') * getvariable('new')) AS t(i)
"""

PLACED = """
CREATE OR REPLACE TEMP TABLE placed AS
WITH slotted AS (
    SELECT i, coalesce(odd.name, '') AS edge_case,
        -- The night in which it was placed; 0 for the orders of day 0.
        greatest(0, 1 + (i - getvariable('orders')) // getvariable('new')) AS born,
        i < getvariable('orders') AS is_old,
        draw(i, 'term') AS share
    FROM counted LEFT JOIN odd ON odd.slot = i % 500
),
termed AS (
    SELECT * EXCLUDE (is_old, share, born),
        CASE WHEN is_old THEN 0 ELSE born END AS born,
        CASE
            -- The term of an edge case is open.
            WHEN i < 2 OR edge_case <> '' AND is_old THEN 0
            WHEN is_old AND share < 100000 THEN -1
            WHEN share < 700000 AND (is_old OR born <= 24) THEN 0
            ELSE 1
        END AS place
    FROM slotted
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

# The nights that changed an older order in one way, and the last of them or 0.
NIGHTS = """
CREATE OR REPLACE TEMP MACRO nights(i, born, what, share, is_tonight) AS list_filter(
    range(born + 1, getvariable('day') + 1),
    lambda day: day = born + 1 AND is_tonight
        OR chance(i, what || ' day ' || day, share)
);
CREATE OR REPLACE TEMP MACRO last_night(i, born, what, share, is_tonight) AS
    coalesce(list_last(nights(i, born, what, share, is_tonight)), 0);
"""

FILLED = """
CREATE OR REPLACE TEMP TABLE filled AS
WITH counts AS (
    SELECT *,
        CASE
            WHEN example_items IS NOT NULL THEN example_items
            WHEN edge_case IN ('no items', 'nothing at all', 'only requests',
                'every status') THEN 0
            WHEN edge_case IN ('tonight an item goes') THEN 2
            WHEN edge_case <> '' THEN 1
            ELSE 1 + pick(i, 'items', 10) // 5 + pick(i, 'items', 10) // 9
                - CASE WHEN chance(i, 'requests only', 0.05) THEN 1 ELSE 0 END
        END AS items_then,
        CASE
            WHEN example_requests IS NOT NULL THEN example_requests
            WHEN edge_case IN ('request twice', 'only requests') THEN 2
            WHEN edge_case = 'every status' THEN 5
            WHEN edge_case IN ('request canceled', 'request odd',
                'tonight a status moves') THEN 1
            WHEN edge_case <> '' THEN 0
            WHEN chance(i, 'requests only', 0.05) THEN 1
            ELSE greatest(0, pick(i, 'requests', 20) - 17)
        END AS requests,
        CASE
            WHEN example_sections IS NOT NULL THEN example_sections
            WHEN edge_case IN ('no sections', 'nothing at all') THEN 0
            WHEN edge_case = 'tonight a section goes' THEN 2
            WHEN edge_case <> '' THEN 1
            ELSE 1 + pick(i, 'sections', 10) // 6 + pick(i, 'sections', 10) // 9
        END AS sections_then,
        last_night(i, born, 'section goes', 0.003,
            edge_case = 'tonight a section goes') AS section_night,
        last_night(i, born, 'item goes', 0.003,
            edge_case = 'tonight an item goes') AS item_night,
        last_night(i, born, 'item comes', 0.004,
            edge_case = 'tonight an item comes') AS more_night,
        last_night(i, born, 'status', 0.006,
            edge_case = 'tonight a status moves') AS status_night,
        len(nights(i, born, 'status', 0.006,
            edge_case = 'tonight a status moves')) AS status_steps,
        last_night(i, born, 'canceled', 0.002,
            edge_case = 'tonight it is canceled') AS cancel_night
    FROM placed LEFT JOIN example USING (i)
)
SELECT i, edge_case, place, term, closes_at, created, born, requests, status_steps,
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
    i >= 2 AND (edge_case = 'canceled'
        OR born = 0 AND edge_case = '' AND chance(i, 'canceled', 0.03)) AS was_canceled,
    edge_case = 'royalty' OR chance(i, 'royalty', 0.08) AS is_royalty,
    -- An order has books in a row from the catalog, so that none is repeated.
    coalesce(odd_book.k, pick(i, 'book', getvariable('books') - getvariable('odd') - 3))
        AS first_book,
    word(getvariable('subjects'), i, 'subject') || '-'
        || CAST(100 + pick(i, 'course', 390) AS VARCHAR) AS course,
    1 + pick(i, 'section', 8) AS first_section
FROM counts
LEFT JOIN (SELECT k, edge_case FROM book WHERE edge_case <> '') AS odd_book
    USING (edge_case)
"""

DATED = """
CREATE OR REPLACE TEMP TABLE dated AS
WITH ended AS (
    -- An order of a later night is created after the start.
    SELECT *, date_trunc('second', created + to_seconds(CAST(
        draw(i, 'updated') / 1000000
        * greatest(0, epoch(least(getvariable('start'), closes_at) - created)) AS BIGINT
    ))) AS later
    FROM filled
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
CREATE OR REPLACE TEMP MACRO status(i, nth, edge_case, steps) AS CASE
    WHEN edge_case = 'request canceled' THEN 'Canceled'
    WHEN edge_case = 'every status' THEN getvariable('statuses')[nth]
    WHEN edge_case = 'tonight a status moves' THEN getvariable('statuses')[1 + steps]
    WHEN pick(i, 'status ' || nth, 10) // 3 + steps < 2
        THEN getvariable('statuses')[1 + pick(i, 'status ' || nth, 10) // 3 + steps]
    ELSE getvariable('ends')[1 + pick(i, 'end ' || nth, 5)]
END;
CREATE OR REPLACE TEMP MACRO request(i, nth, edge_case, steps, created, title, isbn) AS
    '{"created_at":' || instant(created) || ',"title":'
    || CASE edge_case WHEN 'request odd'
        THEN j('the \\"blue\\" book; ask Dr. Ü,' || chr(10) || 'null \\')
        ELSE j(typed(title)) END
    || ',"isbn":' || CASE
        WHEN edge_case = 'request odd' THEN j('"?"\\')
        WHEN edge_case = 'request twice' THEN j(isbn)
        WHEN chance(i, 'typed ' || nth, 0.5) THEN 'null'
        WHEN chance(i, 'typed odd ' || nth, 0.3)
            THEN j(word(getvariable('typed_isbns'), i, 'typed isbn ' || nth))
        ELSE j(isbn) END
    || ',"status":"' || status(i, CASE WHEN edge_case = 'request twice' THEN 1
        ELSE nth END, edge_case, steps) || '"}'
"""

SECTION = """
CREATE OR REPLACE TEMP MACRO section(course, number, edge_case) AS
    '{"sis_section_id":' || CASE edge_case
        WHEN 'section odd' THEN j(course || ' "evening"; A/B, 00' || number)
        ELSE '"' || course || '-' || digits(number, 3) || '"' END || '}'
"""

_SECTIONS = ", ".join(
    f"CASE WHEN sections >= {at} THEN"
    f" section(course, first_section + {at - 1}, edge_case) END"
    for at in (1, 2, 3)
)
_ITEMS = ", ".join(
    f"CASE WHEN items >= {at} THEN book_{at}.body END" for at in (1, 2, 3)
)
# A request is for a book that is perhaps in the catalog, but not in this order.
_REQUESTS = ", ".join(
    f"CASE WHEN requests >= {at} THEN request(i, {at}, edge_case, status_steps,"
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
