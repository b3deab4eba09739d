"""The people of the company, as administrators see and change them."""
