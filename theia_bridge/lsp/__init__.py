"""The built-in Python language server: one endpoint for the editor, with engines behind it.

`python -m theia_bridge.lsp` serves it on standard input and output. The protocol is pygls's; what engines
answer is passed on as it is.
"""
