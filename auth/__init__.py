"""Who is calling: passwords, keys, tokens, sign-ins, and the gate in front of everything."""
