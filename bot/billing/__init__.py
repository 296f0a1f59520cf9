"""The billing rules: values in, values out; no clock, no store, no framework."""
