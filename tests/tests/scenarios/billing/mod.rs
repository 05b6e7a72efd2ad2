//! Billing accounts, usage and invoices.
mod accounts;
mod addresses;
mod budgets;
mod costs;
mod credit_notes;
mod crossings;
mod estimates;
mod invoices;
mod month_of_money;
mod payment_methods;
mod payments;
mod races;
mod rate_cards;
mod runs;
mod usage;
mod usage_lists;
mod usage_sums;
