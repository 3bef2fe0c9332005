"""opencode-qwen-proxy: Responses API clients on Chat Completions models, over several accounts.

The floors of this package, and who may import whom, are held by the import
contracts in pyproject.toml.
"""

__version__ = "0.1.0"
