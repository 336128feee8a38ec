"""Members beyond their lots: joining late, leaving, replacement, guarantors, offices, excuses."""
