"""SQL that makes the items of the sample, a stage at a time, all in DuckDB.

`known`     who each item is: its situation, type, application, vehicle, part
`numbered`  its numbers, as they should be
`priced`    its prices, as they should be
`told`      the same with what its situation makes of it
"""

from sandbox.sample_words import CAPTIONS

# A table first: what reads a table runs on every core, what reads a range on one.
COUNTED = """
CREATE OR REPLACE TEMP TABLE counted AS
FROM range(getvariable('items') + getvariable('day') * getvariable('new')) AS t(i)
"""

KNOWN = """
CREATE OR REPLACE TEMP TABLE known AS
WITH placed AS (
    SELECT i, coalesce(situation.name, '') AS situation,
        coalesce(situation.part_type, '') AS wanted
    FROM counted
    LEFT JOIN situation ON situation.slot = i % 500
    -- Some of yesterday's items are gone; those of the case study stay.
    WHERE i < 4 OR NOT chance(i, 'gone', 0.002 * getvariable('day'))
),
applied AS (
    SELECT placed.*, preview.name AS preview, preview.on_hand AS preview_on_hand,
        preview.part AS preview_part,
        -- Three neighbours are one application: genuine, aftermarket, certified.
        -- What shows a situation stands alone, so that it shows nothing else.
        CASE
            WHEN situation = 'same part b' THEN 50000000 + i - 1
            WHEN situation <> '' OR i < 4 THEN 50000000 + i
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
-- Three brands make each kind of part. Neighbours differ in brand; the two of "same
-- part" do not.
JOIN brand
    ON brand.trade = part.trade
    AND brand.turn = (application
        + CASE WHEN situation LIKE 'same part%' THEN 0 ELSE i END) % 3
"""

NUMBERED = """
CREATE OR REPLACE TEMP TABLE numbered AS
WITH named AS (
    SELECT *,
        CASE
            WHEN part_type = 'AM' OR situation LIKE 'same name%' THEN 300
            WHEN part_type = 'CAPA' THEN 100
            WHEN part_type = 'OEM' THEN 200
            WHEN part_type = 'OD' THEN 400
            ELSE 500
        END AS family,
        -- Above a million items the names grow by two digits.
        CASE WHEN getvariable('items') < 900000 THEN 4 ELSE 6 END AS width,
        CASE WHEN situation = 'same name b' THEN i - 1 ELSE i END AS named,
        (named * 38917171 + 1234567) % CAST(100 * 10 ** width AS BIGINT) AS serial
    FROM known
)
SELECT * EXCLUDE (family, width, named, serial),
    coalesce(preview, CASE
        WHEN situation = 'protected' AND i < 500 THEN 'EXAMPLE-PROTECTED-1'
        ELSE (family + serial // CAST(10 ** width AS BIGINT)) || '-'
            || digits(serial, width)
    END) AS name,
    oem_number(shape, head, unit) AS oem,
    -- What another application of this part is called: an earlier number of it.
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

TOLD = r"""
CREATE OR REPLACE TEMP TABLE told AS
SELECT i, 10001 + i AS id, situation, part_type, preview_on_hand, make,
    CASE situation
        WHEN 'name with blanks' THEN name || ' '
        WHEN 'surcharge' THEN name || '#'
        ELSE name
    END AS name,
    situation <> 'inactive' AND (situation <> '' OR i < 4
        OR NOT chance(i, 'inactive', 0.03)) AS is_active,
    CASE
        WHEN situation IN ('surcharge', 'superseded', 'core deposit') THEN name
        WHEN situation LIKE 'number missing%' THEN NULL
        WHEN situation = 'number too long' THEN own || '/' || repeat('07-', 14) || '9'
        -- Cyrillic letters that look like O and A, and a dash that is no hyphen.
        WHEN situation = 'number look-alike' THEN
            translate(oem, '0A', chr(1054) || chr(1040))
        WHEN situation = 'number long dash' THEN replace(own, '-', chr(8211))
        WHEN situation = 'number scientific' THEN
            digits(unit, 1) || '.' || digits(unit // 10, 2) || 'E+11'
        WHEN situation = 'number decimal' THEN digits(unit, 8) || '.0'
        WHEN situation = 'number error' THEN '#N/A'
        WHEN situation = 'number date' THEN
            (1 + unit % 9) || '-' || ['Jan', 'Feb', 'Mar', 'May', 'Oct'][1 + unit % 5]
        WHEN situation = 'withdrawn number' THEN 'EXAMPLE-WITHDRAWN-1'
        WHEN is_genuine THEN oem
        ELSE own
    END AS maker_number,
    CASE
        WHEN situation = 'gtin wrong' THEN
            left(good_upc, 11) || (CAST(right(good_upc, 1) AS INTEGER) + 1) % 10
        WHEN situation = 'gtin text' THEN 'DOES NOT APPLY'
        WHEN chance(i, 'upc', 0.55) THEN good_upc
        WHEN chance(i, 'ean', 0.05) THEN '0' || good_upc
    END AS upc,
    CASE situation
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
    CASE situation
        WHEN 'surcharge' THEN 'Surcharge'
        WHEN 'superseded' THEN 'Superseded'
        WHEN 'core deposit' THEN 'Core Deposits'
        ELSE item_group
    END AS item_group,
    CASE WHEN situation = 'brand missing' THEN NULL ELSE maker END AS maker,
    CASE
        WHEN situation = 'price null' THEN NULL
        WHEN situation = 'price zero' THEN 0.00
        WHEN situation = 'price negative' THEN -price
        WHEN situation = 'price implausible' THEN price * 10000
        WHEN situation = 'price above list' THEN list_price * 1.08
        WHEN situation = 'price below cost' THEN price * 0.50
        WHEN situation = 'price with four decimals' THEN price + 0.0050
        WHEN situation = 'od not discounted' THEN list_price
        WHEN situation = 'price jumps' AND getvariable('day') > 0 THEN price * 1.60
        ELSE price
    END AS price,
    situation = 'price with four decimals' AS is_fine,
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
            WHEN situation = 'type blank' THEN NULL
            WHEN situation IN ('surcharge', 'superseded', 'core deposit') THEN NULL
            ELSE part_type
        END,
        CASE
            WHEN situation = 'certified am' THEN 'CAPA'
            WHEN situation = 'nsf' THEN 'NSF'
            WHEN situation IN ('capa unproven', 'capa by suffix') THEN NULL
            WHEN part_type = 'CAPA' THEN 'CAPA'
        END,
        CASE
            WHEN situation IN ('no match number', 'number missing') THEN NULL
            WHEN NOT is_genuine OR chance(i, 'oem twice', 0.3) THEN oem
        END,
        CASE
            WHEN is_genuine OR situation = 'no match number' THEN NULL
            WHEN situation = 'partslink damaged' THEN left(partslink, 7)
            WHEN situation = 'withdrawn partslink' THEN 'ZZ1000100C'
            WHEN situation = 'suffix c on am' THEN partslink || 'C'
            WHEN situation = 'suffix n' THEN partslink || 'N'
            WHEN situation IN ('capa unproven', 'nsf') THEN partslink
            WHEN situation = 'capa by suffix' THEN partslink || 'C'
            WHEN part_type = 'CAPA' AND unit % 5 > 1 THEN partslink || 'C'
            ELSE partslink
        END,
        CASE
            WHEN situation = 'od list missing' THEN NULL
            WHEN situation = 'list price as text' THEN '$' || list_price || ' ea'
            WHEN part_type = 'OD' OR situation LIKE 'price%'
                OR chance(i, 'list known', 0.85) THEN CAST(list_price AS VARCHAR)
        END,
        CASE
            WHEN part_type = 'OD' AND situation <> 'od source missing' THEN
                ['dealer surplus', 'maker promotion', 'maker overrun'][1 + unit % 3]
        END,
        CASE
            WHEN situation = 'core charge wrong' THEN 'ask'
            WHEN core_charge IS NOT NULL THEN core_charge || '.00'
        END,
        CASE WHEN chance(i, 'earlier', 0.12) THEN earlier
            || CASE WHEN unit % 4 = 0 THEN '|' || oem_number(
                shape, head, scattered(95000000 + i)) ELSE '' END
        END,
        CASE WHEN situation = 'no vehicle' THEN NULL ELSE make END,
        CASE WHEN situation IN ('no vehicle', 'vehicle half known') THEN NULL
            ELSE model END,
        CASE WHEN situation = 'no vehicle' THEN NULL
            WHEN situation = 'years turned round' THEN CAST(year_to AS VARCHAR)
            ELSE CAST(year_from AS VARCHAR) END,
        CASE WHEN situation = 'no vehicle' THEN NULL
            WHEN situation = 'years turned round' THEN CAST(year_from - 1 AS VARCHAR)
            ELSE CAST(year_to AS VARCHAR) END
    ] AS custom
FROM priced
"""

# The twelve fields of an item, as SQL.
_FIELD = """'{"Name":"ItemCust%d","Caption":"%s","Value":' || j(custom[%d]) || '}'"""
_FIELDS = " || ',' || ".join(
    _FIELD % (place, caption, place) for place, caption in enumerate(CAPTIONS, 1)
)

# The object of one Part Item, members in the order of the vendor's sample.
ITEM = """
INSERT INTO record
SELECT 101, i + 1, told.id,
    '{"Id":' || told.id || ',"Name":' || j(told.name) || ',"FullName":'
    || j(told.name)
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
    || '},"CustomFields":' || CASE WHEN situation = 'fields null' THEN 'null'
        ELSE '[' || {fields} || ']' END || '}'
FROM told
LEFT JOIN item_group AS grp ON grp.name = item_group
LEFT JOIN manufacturer AS mfr ON mfr.name = maker
ORDER BY i
""".replace("{fields}", _FIELDS)

# Kits: their own record type, so that a list of Part Items does not hold them.
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
