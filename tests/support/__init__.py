"""The real parts that tests are made of: the judge, the scripted upstream, the proxy process."""
