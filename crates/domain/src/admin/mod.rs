//! What administrators see and do beside the domains: settings, roles, dashboard, audit log (domain.md §5.11).
