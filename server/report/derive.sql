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
    max(severity),
    min(first_seen),
    max(last_seen),
    sum(count),
    count(*),
    min(suppressed),
    EXISTS (
        SELECT 1
        FROM places JOIN ran USING (product, place)
        WHERE places.signature = tuples.signature
            AND ran.branch NOT IN (
                SELECT seen.branch FROM tuples AS seen
                WHERE seen.signature = places.signature AND seen.product = places.product
            )
    ),
    (SELECT count(DISTINCT bug) FROM bugs WHERE bugs.signature = tuples.signature AND open),
    (SELECT count(DISTINCT bug) FROM bugs WHERE bugs.signature = tuples.signature AND NOT open),
    json_group_array(DISTINCT branch)
FROM tuples
WHERE signature IN (SELECT name FROM dirty)
GROUP BY signature;

DELETE FROM pages WHERE name IN (SELECT name FROM dirty);

DELETE FROM sources WHERE name IN (SELECT name FROM dirty);

DELETE FROM dirty;

DELETE FROM on_branch;

INSERT INTO on_branch SELECT product, branch, signature, sum(count) FROM tuples GROUP BY 1, 2, 3;

DELETE FROM on_machine;

INSERT INTO on_machine SELECT os_name, os_version, cpu_name, signature, sum(count) FROM tuples GROUP BY 1, 2, 3, 4
