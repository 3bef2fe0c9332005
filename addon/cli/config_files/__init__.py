"""Config files of other programs: changed in one place, and byte for byte as they were elsewhere.

- ``jsonc``      where things stand in JSON with comments
- ``members``    a member put into an object of such a text, and taken out of it
- ``toml``       where things stand in TOML, and statements put in and taken out
- ``file``       such a file on disk: read, replaced, its backups
- ``preview``    a change as people see it before it is made
- ``plan``       changes shown, agreed to, made and told of
- ``way``        how a client is to reach the proxy, as the options of such commands say it
"""
