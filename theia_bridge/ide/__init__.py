"""What a browser is given: the login page, the built Theia frontend, and a new session's first file."""
