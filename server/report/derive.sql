-- Where signatures were seen, how often, summed out of their tuples.
DELETE FROM on_branch WHERE signature IN (SELECT name FROM dirty);

INSERT INTO on_branch
SELECT signature, product, branch, sum(count) FROM tuples WHERE signature IN (SELECT name FROM dirty) GROUP BY 1, 2, 3;

DELETE FROM on_machine WHERE signature IN (SELECT name FROM dirty);

INSERT INTO on_machine
SELECT signature, os_name, os_version, cpu_name, sum(count)
FROM tuples
WHERE signature IN (SELECT name FROM dirty)
GROUP BY 1, 2, 3, 4;

-- Signatures, out of their tuples. The message is part of an assertion's signature only. A signature differs when an
-- input that shows it on one branch has also run on a branch of the same product where it was never seen.
DELETE FROM signatures WHERE name IN (SELECT name FROM dirty);

INSERT INTO signatures
SELECT
    signature,
    min(kind),
    min(detail),
    CASE WHEN min(kind) = 'assertion' THEN min(message) ELSE '' END,
    max(title),
    -- The worst, in the order of these words, each at the place where it stands.
    trim(
        substr(
            'unknown low     medium  high    critical',
            max(instr('unknown low     medium  high    critical', severity)),
            8
        )
    ),
    min(first_seen),
    max(last_seen),
    sum(count),
    count(*),
    min(suppressed),
    EXISTS (
        SELECT 1
        FROM
            (SELECT DISTINCT product, place FROM places WHERE signature = tuples.signature)
            JOIN ran USING (product, place)
        WHERE NOT EXISTS (
            SELECT 1 FROM on_branch AS seen
            WHERE seen.signature = tuples.signature AND seen.product = ran.product AND seen.branch = ran.branch
        )
    ),
    (SELECT count(DISTINCT bug) FROM bugs WHERE bugs.signature = tuples.signature AND open),
    (SELECT count(DISTINCT bug) FROM bugs WHERE bugs.signature = tuples.signature AND NOT open),
    -- Two products may have branches of the same name.
    (
        SELECT
            CASE
                WHEN min(product) = max(product) THEN json_group_array(branch)
                ELSE json_group_array(product || ' ' || branch)
            END
        FROM on_branch AS its WHERE its.signature = tuples.signature
    ),
    coalesce(
        (
            SELECT newest FROM tuples AS seen
            WHERE seen.signature = tuples.signature AND newest > ''
            ORDER BY last_seen DESC, count DESC, branch, buildtype, message, product, os_name, os_version, cpu_name
            LIMIT 1
        ),
        ''
    )
FROM tuples
WHERE signature IN (SELECT name FROM dirty)
GROUP BY signature;

DELETE FROM pages WHERE name IN (SELECT name FROM dirty);

DELETE FROM sources WHERE name IN (SELECT name FROM dirty);

DELETE FROM dirty
