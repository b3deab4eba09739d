"""Zoark's faces: Streamlit pages and HTTP routes over the core."""
