"""The page's side: what people see and do in a browser."""
