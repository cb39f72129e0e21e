-- The hierarchy as published today: one row per node that holds today.
--
-- Tiers 1 and 2 (parent payer, subsidiary) are repeated in the release of every line of business that knows them.
-- Here each stands once, as the most recently published of those releases says it, with lob NULL because it belongs
-- to none of them. valid_from is that row's own.
WITH live AS (
    SELECT
        node.node_id,
        node.tier,
        node.name,
        node.parent_node_id,
        node.lob,
        node.state,
        node.plan_year,
        node.plan_type,
        node.valid_from,
        node.valid_to,
        node.release_id,
        release.published_at
    FROM hierarchy_node AS node
    INNER JOIN release ON release.lob = node.lob AND release.release_id = node.release_id
    WHERE node.valid_from <= CURRENT_DATE AND (node.valid_to IS NULL OR CURRENT_DATE < node.valid_to)
),
ranked AS (
    SELECT
        live.*,
        ROW_NUMBER() OVER (
            PARTITION BY node_id, CASE WHEN tier <= 2 THEN '' ELSE lob END
            ORDER BY published_at DESC, lob
        ) AS choice
    FROM live
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
    node.valid_from,
    node.valid_to,
    node.release_id
FROM ranked AS node
LEFT JOIN live AS parent ON parent.lob = node.lob AND parent.node_id = node.parent_node_id
WHERE node.choice = 1
