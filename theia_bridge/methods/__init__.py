"""The RPC methods, one module per namespace; `registry` has them all."""
