-- Every day of the published hierarchy, ended rows included. The hierarchy as of a day is
--     WHERE DATE '2026-01-01' >= valid_from AND (valid_to IS NULL OR DATE '2026-01-01' < valid_to)
-- and has each node once, also tiers 1 and 2, which several lines of business publish (lob is NULL for them).
--
-- To be exact on every day a row is cut where its parent's name may change and, on tiers 1 and 2, where another line
-- of business begins or ends to know the node. valid_from and valid_to are those of the piece; the pieces of a node
-- never overlap and together are its life. Of several releases the most recently published one speaks.
WITH published AS (
    SELECT
        node.node_id,
        node.tier,
        node.name,
        node.parent_node_id,
        node.lob,
        CASE WHEN node.tier > 2 THEN node.lob ELSE '' END AS scope,
        node.state,
        node.plan_year,
        node.plan_type,
        node.valid_from,
        node.valid_to,
        node.release_id,
        release.published_at
    FROM hierarchy_node AS node
    INNER JOIN release ON release.lob = node.lob AND release.release_id = node.release_id
),
turning_day AS (
    SELECT scope, node_id, valid_from AS day FROM published
    UNION
    SELECT scope, node_id, valid_to AS day FROM published WHERE valid_to IS NOT NULL
    UNION
    SELECT child.scope, child.node_id, parent.valid_from AS day
    FROM published AS child
    INNER JOIN published AS parent ON parent.lob = child.lob AND parent.node_id = child.parent_node_id
    WHERE parent.valid_from > child.valid_from AND (child.valid_to IS NULL OR parent.valid_from < child.valid_to)
    UNION
    SELECT child.scope, child.node_id, parent.valid_to AS day
    FROM published AS child
    INNER JOIN published AS parent ON parent.lob = child.lob AND parent.node_id = child.parent_node_id
    WHERE parent.valid_to > child.valid_from AND (child.valid_to IS NULL OR parent.valid_to < child.valid_to)
),
piece AS (
    SELECT
        scope,
        node_id,
        day AS first_day,
        LEAD(day) OVER (PARTITION BY scope, node_id ORDER BY day) AS end_day
    FROM turning_day
),
ranked AS (
    SELECT
        node.node_id,
        node.tier,
        node.name,
        node.parent_node_id,
        node.lob,
        node.state,
        node.plan_year,
        node.plan_type,
        node.release_id,
        piece.first_day,
        piece.end_day,
        ROW_NUMBER() OVER (
            PARTITION BY piece.scope, piece.node_id, piece.first_day
            ORDER BY node.published_at DESC, node.lob
        ) AS choice
    FROM piece
    INNER JOIN published AS node
        ON node.scope = piece.scope
        AND node.node_id = piece.node_id
        AND node.valid_from <= piece.first_day
        AND (node.valid_to IS NULL OR piece.first_day < node.valid_to)
)
SELECT
    node.node_id,
    node.tier,
    CASE node.tier
        WHEN 1 THEN 'parent payer'
        WHEN 2 THEN 'subsidiary'
        WHEN 3 THEN 'line of business'
        WHEN 4 THEN 'benefits plan'
        WHEN 5 THEN 'network'
    END AS tier_name,
    node.name,
    node.parent_node_id,
    parent.name AS parent_name,
    CASE WHEN node.tier > 2 THEN node.lob END AS lob,
    node.state,
    node.plan_year,
    node.plan_type,
    node.first_day AS valid_from,
    node.end_day AS valid_to,
    node.release_id
FROM ranked AS node
LEFT JOIN published AS parent
    ON parent.lob = node.lob
    AND parent.node_id = node.parent_node_id
    AND parent.valid_from <= node.first_day
    AND (parent.valid_to IS NULL OR node.first_day < parent.valid_to)
WHERE node.choice = 1
