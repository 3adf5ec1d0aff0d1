"""How far the world of today is from the one that the model was trained on."""
