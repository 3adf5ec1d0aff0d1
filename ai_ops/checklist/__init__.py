"""The checklists: their items, what each is judged from, who answers for it."""
