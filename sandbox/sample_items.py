"""SQL that makes the items of the sample in DuckDB, one table after the other.

`identified`  the edge case, type, application, vehicle and part of each item
`numbered`    with its correct numbers
`priced`      with its correct prices
`recorded`    as in Order Time: with the effect of its edge case
"""

from sandbox.sample_values import CAPTIONS

# A table, because DuckDB reads a table on every core but a range on one.
COUNTED = """
CREATE OR REPLACE TEMP TABLE counted AS
FROM range(getvariable('items') + getvariable('day') * getvariable('new')) AS t(i)
"""

IDENTIFIED = """
CREATE OR REPLACE TEMP TABLE identified AS
WITH placed AS (
    SELECT i, coalesce(edge_case.name, '') AS edge_case,
        coalesce(edge_case.part_type, '') AS wanted
    FROM counted
    LEFT JOIN edge_case ON edge_case.slot = i % 500
    -- Some items of earlier days are removed, but none of the case study.
    WHERE i < 4 OR NOT chance(i, 'gone', 0.002 * getvariable('day'))
),
applied AS (
    SELECT placed.*, preview.name AS preview, preview.on_hand AS preview_on_hand,
        preview.part AS preview_part,
        -- Three items in a row are one application: genuine, aftermarket, certified.
        -- An edge case has an application of its own, so that it shows nothing else.
        CASE
            WHEN edge_case = 'same part b' THEN 50000000 + i - 1
            WHEN edge_case <> '' OR i < 4 THEN 50000000 + i
            ELSE i // 3
        END AS application,
        CASE
            WHEN preview.name IS NOT NULL THEN preview.part_type
            WHEN wanted <> '' THEN wanted
            WHEN i % 3 = 0 AND chance(i, 'od', 0.18) THEN 'OD'
            WHEN i % 3 = 0 THEN 'OEM'
            WHEN i % 3 = 2 AND chance(i, 'capa', 0.7) THEN 'CAPA'
            ELSE 'AM'
        END AS part_type
    FROM placed
    LEFT JOIN preview USING (i)
)
SELECT applied.*, scattered(application) AS unit,
    part_type IN ('OEM', 'OD') AS is_genuine,
    make, model, year_from, year_to, letters, shape,
    part.item_group, part.title, part.part_code, part.head, part.weight,
    part.list_price AS usual_list, part.core_charge, brand.name AS brand,
    brand.prefix,
    CASE WHEN part_type IN ('OEM', 'OD') THEN make ELSE brand.name END AS maker
FROM applied
JOIN vehicle ON vehicle.place = pick(application, 'vehicle', getvariable('vehicles'))
JOIN part ON part.place
    = coalesce(preview_part, pick(application, 'part', getvariable('parts')))
-- Three brands make each kind of part. Items in a row differ in brand, except the
-- two of "same part".
JOIN brand
    ON brand.trade = part.trade
    AND brand.turn = (application
        + CASE WHEN edge_case LIKE 'same part%' THEN 0 ELSE i END) % 3
"""

NUMBERED = """
CREATE OR REPLACE TEMP TABLE numbered AS
WITH named AS (
    SELECT *,
        CASE
            WHEN part_type = 'AM' OR edge_case LIKE 'same name%' THEN 300
            WHEN part_type = 'CAPA' THEN 100
            WHEN part_type = 'OEM' THEN 200
            WHEN part_type = 'OD' THEN 400
            ELSE 500
        END AS family,
        -- Above a million items the names grow by two digits.
        CASE WHEN getvariable('items') < 900000 THEN 4 ELSE 6 END AS width,
        CASE WHEN edge_case = 'same name b' THEN i - 1 ELSE i END AS named,
        (named * 38917171 + 1234567) % CAST(100 * 10 ** width AS BIGINT) AS serial
    FROM identified
)
SELECT * EXCLUDE (family, width, named, serial),
    coalesce(preview, CASE
        WHEN edge_case = 'protected' AND i < 500 THEN 'EXAMPLE-PROTECTED-1'
        ELSE (family + serial // CAST(10 ** width AS BIGINT)) || '-'
            || digits(serial, width)
    END) AS name,
    oem_number(shape, head, unit) AS oem,
    -- An earlier number of this part.
    oem_number(shape, head, scattered(90000000 + i)) AS earlier,
    prefix || '-' || digits(unit, 6) AS own,
    letters || part_code || CAST(100 + unit % 900 AS VARCHAR) AS partslink,
    upc(scattered(60000000 + i)) AS good_upc
FROM named
"""

PRICED = """
CREATE OR REPLACE TEMP TABLE priced AS
WITH listed AS (
    SELECT *,
        CAST(usual_list * (0.6 + draw(application, 'list') / 1000000) AS DECIMAL(18, 2))
            AS list_price,
        coalesce(list_last(list_filter(
            range(1, getvariable('day') + 1),
            lambda day: chance(i, 'price of day ' || day, 0.03)
        )), 0) AS price_day
    FROM numbered
),
sold AS (
    SELECT *,
        CAST(list_price * CASE part_type
            WHEN 'OEM' THEN 0.86 WHEN 'OD' THEN 0.71 WHEN 'CAPA' THEN 0.56 ELSE 0.47
        END * (1 + (draw(i, 'price') - 500000) / 8000000)
        * (1 + 0.01 * (price_day % 5)) AS DECIMAL(18, 2)) AS price
    FROM listed
)
SELECT *, CAST(price * (0.58 + draw(i, 'cost') / 5000000) AS DECIMAL(18, 4)) AS cost,
    TIMESTAMP '2026-01-15 06:00:00' - to_minutes(
        1440 + CAST(draw(i, 'created') AS INTEGER) * 2) AS created
FROM sold
"""

RECORDED = r"""
CREATE OR REPLACE TEMP TABLE recorded AS
SELECT i, 10001 + i AS id, edge_case, part_type, preview_on_hand, make,
    CASE edge_case
        WHEN 'name with blanks' THEN name || ' '
        WHEN 'surcharge' THEN name || '#'
        ELSE name
    END AS name,
    edge_case <> 'inactive' AND (edge_case <> '' OR i < 4
        OR NOT chance(i, 'inactive', 0.03)) AS is_active,
    CASE
        WHEN edge_case IN ('surcharge', 'superseded', 'core deposit') THEN name
        WHEN edge_case LIKE 'number missing%' THEN NULL
        WHEN edge_case = 'number too long' THEN own || '/' || repeat('07-', 14) || '9'
        -- Cyrillic letters that look like O and A.
        WHEN edge_case = 'number look-alike' THEN
            translate(oem, '0A', chr(1054) || chr(1040))
        WHEN edge_case = 'number long dash' THEN replace(own, '-', chr(8211))
        WHEN edge_case = 'number scientific' THEN
            digits(unit, 1) || '.' || digits(unit // 10, 2) || 'E+11'
        WHEN edge_case = 'number decimal' THEN digits(unit, 8) || '.0'
        WHEN edge_case = 'number error' THEN '#N/A'
        WHEN edge_case = 'number date' THEN
            (1 + unit % 9) || '-' || ['Jan', 'Feb', 'Mar', 'May', 'Oct'][1 + unit % 5]
        WHEN edge_case = 'withdrawn number' THEN 'EXAMPLE-WITHDRAWN-1'
        WHEN is_genuine THEN oem
        ELSE own
    END AS maker_number,
    CASE
        WHEN edge_case = 'gtin wrong' THEN
            left(good_upc, 11) || (CAST(right(good_upc, 1) AS INTEGER) + 1) % 10
        WHEN edge_case = 'gtin text' THEN 'DOES NOT APPLY'
        WHEN chance(i, 'upc', 0.55) THEN good_upc
        WHEN chance(i, 'ean', 0.05) THEN '0' || good_upc
    END AS upc,
    CASE edge_case
        WHEN 'surcharge' THEN 'Surcharge, oversize freight, ' || lower(title)
        WHEN 'superseded' THEN 'USE ' || earlier
        WHEN 'core deposit' THEN 'Core deposit, ' || lower(title)
        WHEN 'text formula' THEN '=2*SUM(A1:A2) ' || title
        WHEN 'text at sign' THEN '@counter only: ' || title
        WHEN 'text lines' THEN title || E'\r\n' || make || ' ' || model
            || E'\r\nPaint before fitting.'
        WHEN 'text quotes' THEN title || ', "A" grade, 22" x 9", ' || make
        WHEN 'text markup' THEN title
            || ' <script>alert("' || model || '")</script> <b>new</b>'
        WHEN 'text long' THEN title || ' for ' || make || ' ' || model || '. '
            || repeat('Check the production date on the door label before ordering. ',
                5) || 'Returns within 30 days.'
        WHEN 'text accents' THEN title || ' / pare-chocs / Stoßfänger / バンパー'
        ELSE title || ', ' || make || ' ' || model || ' ' || year_from || '-'
            || year_to
    END AS description,
    CASE edge_case
        WHEN 'surcharge' THEN 'Surcharge'
        WHEN 'superseded' THEN 'Superseded'
        WHEN 'core deposit' THEN 'Core Deposits'
        ELSE item_group
    END AS item_group,
    CASE WHEN edge_case = 'brand missing' THEN NULL ELSE maker END AS maker,
    CASE
        WHEN edge_case = 'price null' THEN NULL
        WHEN edge_case = 'price zero' THEN 0.00
        WHEN edge_case = 'price negative' THEN -price
        WHEN edge_case = 'price implausible' THEN price * 10000
        WHEN edge_case = 'price above list' THEN list_price * 1.08
        WHEN edge_case = 'price below cost' THEN price * 0.50
        WHEN edge_case = 'price with four decimals' THEN price + 0.0050
        WHEN edge_case = 'od not discounted' THEN list_price
        WHEN edge_case = 'price jumps' AND getvariable('day') > 0 THEN price * 1.60
        ELSE price
    END AS price,
    edge_case = 'price with four decimals' AS is_fine,
    cost,
    CASE
        WHEN chance(i, 'no weight', 0.06) THEN NULL
        WHEN chance(i, 'weight 0', 0.04) THEN CAST(0 AS DECIMAL(9, 2))
        ELSE CAST(weight * (0.9 + draw(application, 'weight') / 5000000)
            AS DECIMAL(9, 2))
    END AS weight,
    created,
    CASE
        WHEN price_day > 0 THEN TIMESTAMP '2026-01-15 05:12:00' + to_days(
            CAST(price_day AS INTEGER)) + to_minutes(CAST(i % 45 AS INTEGER))
        ELSE created + to_minutes(CAST(
            pick(i, 'modified', 1000) * date_diff('minute', created,
                TIMESTAMP '2026-01-14 18:00:00') // 1000 AS INTEGER))
    END AS modified,
    [
        CASE
            WHEN edge_case = 'type blank' THEN NULL
            WHEN edge_case IN ('surcharge', 'superseded', 'core deposit') THEN NULL
            ELSE part_type
        END,
        CASE
            WHEN edge_case = 'certified am' THEN 'CAPA'
            WHEN edge_case = 'nsf' THEN 'NSF'
            WHEN edge_case IN ('capa unproven', 'capa by suffix') THEN NULL
            WHEN part_type = 'CAPA' THEN 'CAPA'
        END,
        CASE
            WHEN edge_case IN ('no match number', 'number missing') THEN NULL
            WHEN NOT is_genuine OR chance(i, 'oem twice', 0.3) THEN oem
        END,
        CASE
            WHEN is_genuine OR edge_case = 'no match number' THEN NULL
            WHEN edge_case = 'partslink damaged' THEN left(partslink, 7)
            WHEN edge_case = 'withdrawn partslink' THEN 'ZZ1000100C'
            WHEN edge_case = 'suffix c on am' THEN partslink || 'C'
            WHEN edge_case = 'suffix n' THEN partslink || 'N'
            WHEN edge_case IN ('capa unproven', 'nsf') THEN partslink
            WHEN edge_case = 'capa by suffix' THEN partslink || 'C'
            WHEN part_type = 'CAPA' AND unit % 5 > 1 THEN partslink || 'C'
            ELSE partslink
        END,
        CASE
            WHEN edge_case = 'od list missing' THEN NULL
            WHEN edge_case = 'list price as text' THEN '$' || list_price || ' ea'
            WHEN part_type = 'OD' OR edge_case LIKE 'price%'
                OR chance(i, 'list known', 0.85) THEN CAST(list_price AS VARCHAR)
        END,
        CASE
            WHEN part_type = 'OD' AND edge_case <> 'od source missing' THEN
                ['dealer surplus', 'maker promotion', 'maker overrun'][1 + unit % 3]
        END,
        CASE
            WHEN edge_case = 'core charge wrong' THEN 'ask'
            WHEN core_charge IS NOT NULL THEN core_charge || '.00'
        END,
        CASE WHEN chance(i, 'earlier', 0.12) THEN earlier
            || CASE WHEN unit % 4 = 0 THEN '|' || oem_number(
                shape, head, scattered(95000000 + i)) ELSE '' END
        END,
        CASE WHEN edge_case = 'no vehicle' THEN NULL ELSE make END,
        CASE WHEN edge_case IN ('no vehicle', 'vehicle half known') THEN NULL
            ELSE model END,
        CASE WHEN edge_case = 'no vehicle' THEN NULL
            WHEN edge_case = 'years turned round' THEN CAST(year_to AS VARCHAR)
            ELSE CAST(year_from AS VARCHAR) END,
        CASE WHEN edge_case = 'no vehicle' THEN NULL
            WHEN edge_case = 'years turned round' THEN CAST(year_from - 1 AS VARCHAR)
            ELSE CAST(year_to AS VARCHAR) END
    ] AS custom
FROM priced
"""

# The SQL of the twelve custom fields of an item.
_FIELD = """'{"Name":"ItemCust%d","Caption":"%s","Value":' || j(custom[%d]) || '}'"""
_FIELDS = " || ',' || ".join(
    _FIELD % (place, caption, place) for place, caption in enumerate(CAPTIONS, 1)
)

# One Part Item, with its members in the order of the vendor's sample.
ITEM = """
INSERT INTO record
SELECT 101, i + 1, recorded.id,
    '{"Id":' || recorded.id || ',"Name":' || j(recorded.name) || ',"FullName":'
    || j(recorded.name)
    || ',"IsActive":' || is_active || ',"Type":101,"ManufacturerPartNo":'
    || j(maker_number) || ',"UPC":' || j(upc) || ',"Parent":null,"Description":'
    || j(description) || ',"PurchaseDesc":' || j(description)
    || ',"Note":null,"ItemGroupRef":' || ref(grp.id, item_group)
    || ',"ManufacturerRef":' || ref(mfr.id, maker)
    || ',"UomRef":{"Id":1,"Name":"ea"},"BinRef":null,"Price":'
    || CASE WHEN is_fine THEN n(CAST(price AS DECIMAL(18, 4)))
        ELSE n(CAST(price AS DECIMAL(18, 2))) END
    || ',"StdCost":' || n(cost) || ',"Weight":' || n(weight)
    || ',"ReorderPoint":null,"TrackLotOrSerial":false,"RecordInfo":{"CreatedDate":'
    || instant(created) || ',"ModifiedDate":' || instant(modified)
    || '},"CustomFields":' || CASE WHEN edge_case = 'fields null' THEN 'null'
        ELSE '[' || {fields} || ']' END || '}'
FROM recorded
LEFT JOIN item_group AS grp ON grp.name = item_group
LEFT JOIN manufacturer AS mfr ON mfr.name = maker
ORDER BY i
""".replace("{fields}", _FIELDS)

# Kits have their own record type, so they are not in a list of Part Items.
ASSEMBLY = """
INSERT INTO record
SELECT 107, (SELECT max(key) FROM record) + 1 + k, 90000001 + k,
    '{"Id":' || 90000001 + k || ',"Name":"KIT-' || digits(k, 4) || '","FullName":"KIT-'
    || digits(k, 4) || '","IsActive":true,"Type":107,"ManufacturerPartNo":null,'
    || '"UPC":null,"Description":' || j('Front end kit, ' || make || ' ' || model
        || ' ' || year_from || '-' || year_to)
    || ',"ItemGroupRef":' || ref((SELECT id FROM item_group
        WHERE name = 'Bumper Covers'), 'Bumper Covers')
    || ',"ManufacturerRef":null,"UomRef":{"Id":1,"Name":"ea"},"Price":'
    || n(CAST(899 + 10 * k AS DECIMAL(18, 2))) || ',"CustomFields":null}'
FROM range(greatest(2, getvariable('items') // 400)) AS t(k)
JOIN vehicle ON vehicle.place = k % getvariable('vehicles')
ORDER BY k
"""
