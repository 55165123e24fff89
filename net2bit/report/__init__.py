"""Metrics, the accuracy ladder, its gate, and the report page. This file imports nothing: `facts` stays standard library only."""
