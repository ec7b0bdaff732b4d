"""SQL that makes the catalog of the sample, and its terms, all in DuckDB.

`person`   whoever writes books
`book`     a catalog item, as it is in every term; odd ones come after the others
`offer`    a book in one term: the JSON text as it stands in an order
`term`     three terms, dated by the moment of day 0
"""

BOOKS = 4000

MACROS = r"""
CREATE OR REPLACE MACRO word(words, thing, salt) AS
    words[1 + pick(thing, salt, len(words))];
-- A title as a user types it.
CREATE OR REPLACE MACRO typed(title) AS left(lower(title), 120);
CREATE OR REPLACE MACRO isbn(unit) AS '978' || digits(unit, 9) || CAST(
    (10 - (list_sum(list_transform(
        range(1, 13),
        lambda place: (CASE WHEN place % 2 = 0 THEN 3 ELSE 1 END)
            * CAST(substr('978' || digits(unit, 9), place, 1) AS INTEGER)
    ))) % 10) % 10 AS VARCHAR);
"""

# Opening and closing in days from day 0; the share of orders up to this term.
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
    SELECT k, coalesce(odd.name, '') AS situation,
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
    CASE WHEN situation = 'isbn missing' OR chance(k, 'no isbn', 0.06) THEN NULL
        ELSE isbn(scattered(k)) END AS isbn,
    CASE WHEN situation = 'dates and editions missing' OR chance(k, 'no date', 0.1)
        THEN NULL
        ELSE DATE '1996-01-01' + CAST(pick(k, 'date', 10000) AS INTEGER)
    END AS published,
    CASE WHEN situation = 'dates and editions missing' OR chance(k, 'no edition', 0.2)
        THEN NULL ELSE word(getvariable('editions'), k, 'edition') END AS edition,
    CASE WHEN situation = 'publisher missing' THEN NULL
        ELSE word(getvariable('publishers'), k, 'publisher') END AS publisher,
    word(getvariable('solutions'), k, 'solution') AS solution,
    chance(k, 'sis', 0.15) AS is_in_sis
FROM drawn
"""

# A price changes in one term on some nights; the one before it stays as the original.
OFFER = """
CREATE OR REPLACE TEMP TABLE offer AS
WITH dated AS (
    SELECT book.*, place,
        len(list_filter(
            range(1, getvariable('day') + 1),
            lambda day: chance(k, 'price ' || place || ' day ' || day, 0.001)
                OR day = 1 AND situation = 'title with comma'
        )) AS changes,
        CASE WHEN situation = 'prices were changed'
            OR chance(k, 'changed before ' || place, 0.05) THEN 1 ELSE 0 END AS earlier
    FROM book CROSS JOIN term
),
priced AS (
    SELECT *,
        CASE WHEN situation <> 'prices missing'
            THEN list_price * (1 + 0.04 * (changes + earlier)) END AS list_now,
        CASE WHEN situation <> 'prices missing' AND changes + earlier > 0
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
