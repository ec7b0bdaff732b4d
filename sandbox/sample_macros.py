"""SQL macros for the samples: repeatable random draws, and numbers in makers' shapes.

`unit` is a whole number below 100,000,000, different for every application of a
part. Each shape turns different units into different numbers. So two parts never
share a number by chance, at any size of the sample.
"""

MACROS = r"""
-- A whole number from 0 to 999,999.
CREATE OR REPLACE MACRO draw(thing, salt) AS CAST(
    md5_number_lower(concat(getvariable('seed'), ':', thing, ':', salt)) % 1000000
    AS BIGINT
);

-- A whole number from 0 to n - 1.
CREATE OR REPLACE MACRO pick(thing, salt, n) AS draw(thing, salt) % n;

-- True for this share (0 to 1) of all things.
CREATE OR REPLACE MACRO chance(thing, salt, share) AS
    draw(thing, salt) < share * 1000000;

-- Maps numbers one to one; 99999989 is a prime.
CREATE OR REPLACE MACRO scattered(n) AS CAST((n + 7) * 48271597 % 99999989 AS BIGINT);

CREATE OR REPLACE MACRO letter(n) AS chr(CAST(65 + n % 26 AS INTEGER));
CREATE OR REPLACE MACRO digits(n, width) AS
    lpad(CAST(n % CAST(10 ** width AS BIGINT) AS VARCHAR), width, '0');

CREATE OR REPLACE MACRO oem_number(shape, head, unit) AS CASE shape
    WHEN 'toyota' THEN
        head || digits(unit, 3) || '-' || digits(unit // 1000, 1)
        || letter(unit // 10000) || digits(unit // 260000, 3)
        || CASE WHEN unit % 7 = 0 THEN '-00' ELSE '' END
    WHEN 'honda' THEN
        head || digits(unit, 3) || '-T' || letter(unit // 1000)
        || letter(unit // 26000) || '-' || letter(unit // 676000)
        || digits(unit // 17576000, 2)
        || CASE WHEN unit % 5 = 0 THEN 'ZZ' ELSE '' END
    WHEN 'nissan' THEN
        head || digits(unit, 3) || '-' || digits(unit // 1000, 1)
        || letter(unit // 10000) || digits(unit // 260000, 3)
    WHEN 'hyundai' THEN
        head || digits(unit, 3) || '-' || letter(unit // 1000)
        || digits(unit // 26000, 4)
    WHEN 'ford' THEN
        letter(unit) || letter(unit // 26) || digits(unit // 676, 1) || 'Z-'
        || head || digits(unit // 6760, 3) || '-A' || letter(unit // 6760000)
    WHEN 'mopar' THEN
        '6' || digits(unit, 7) || 'A' || letter(unit // 10000000)
    WHEN 'volkswagen' THEN
        digits(unit, 1) || letter(unit // 10) || digits(unit // 260, 1) || ' 8'
        || digits(unit // 2600, 2) || ' ' || digits(unit // 260000, 3) || ' '
        || letter(unit // 26000000) || CASE WHEN unit % 3 = 0 THEN 'B' ELSE '' END
    WHEN 'bmw' THEN
        '51 ' || digits(unit // 1000000, 2) || ' 7 ' || digits(unit // 1000, 3)
        || ' ' || digits(unit, 3)
    WHEN 'mercedes' THEN
        'A 2' || digits(unit // 1000000, 2) || ' ' || digits(unit // 1000, 3) || ' '
        || digits(unit // 10, 2) || ' ' || digits(unit, 1) || '0'
    ELSE digits(unit, 8)
END;

-- Twelve digits; the last one is the GS1 check digit.
CREATE OR REPLACE MACRO upc(unit) AS '04' || digits(unit, 9) || CAST(
    (10 - (list_sum(list_transform(
        range(1, 12),
        lambda place: (CASE WHEN place % 2 = 1 THEN 3 ELSE 1 END)
            * CAST(substr('04' || digits(unit, 9), place, 1) AS INTEGER)
    ))) % 10) % 10 AS VARCHAR);

-- The JSON of a text, and of a number with all digits of its scale.
CREATE OR REPLACE MACRO j(words) AS coalesce(CAST(to_json(words) AS VARCHAR), 'null');
CREATE OR REPLACE MACRO n(number) AS coalesce(CAST(number AS VARCHAR), 'null');
CREATE OR REPLACE MACRO ref(id, words) AS CASE
    WHEN id IS NULL THEN 'null'
    ELSE '{"Id":' || id || ',"Name":' || j(words) || '}'
END;
CREATE OR REPLACE MACRO instant(moment) AS strftime(moment, '"%Y-%m-%dT%H:%M:%SZ"');
"""
