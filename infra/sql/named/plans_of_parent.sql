-- Every benefits plan under one parent payer today: put the parent's name in, as v_hierarchy shows it.
SELECT parent_name, subsidiary_name, lob, contract_id, program, plan_id, plan_name, plan_type, state, plan_year
FROM v_plan_path
WHERE parent_name = 'Humana Inc.'
ORDER BY subsidiary_name, lob, plan_id, plan_name
