"""Every stored object altered in every way we can think of: what does off-line verification notice?"""
