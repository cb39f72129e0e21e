-- How many benefits plans each parent payer has in each state today, by line of business. Sources that do not say where
-- a plan is sold, as CMS's Medicare Advantage files, have them without a state.
SELECT parent_name, state, lob, COUNT(plan_node_id) AS plans
FROM v_plan_path
GROUP BY parent_name, state, lob
ORDER BY COUNT(plan_node_id) DESC, parent_name, state, lob
