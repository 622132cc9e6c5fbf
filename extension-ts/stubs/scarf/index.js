// Nothing of it is needed: swagger-ui-dist only names it so that its install script runs.
