"""The operator: reads the observable stream, asks the world for actions, and holds no handle on either."""
