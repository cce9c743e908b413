"""Values that flow between the parts: localities, proxies, resources, origins and problems."""
