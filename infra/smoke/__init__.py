"""What only a real account can show, checked after a deployment: `python -m infra.smoke --stage dev`."""
