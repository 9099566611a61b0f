"""The one place that knows every concrete class: runs are opened, surveyed, planned, driven and closed here."""
