"""fivetier: who a plan belongs to, in five tiers, published only after named people sign."""
