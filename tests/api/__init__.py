"""Tests of the REST API as a whole: its framework, its document, both against each other."""
