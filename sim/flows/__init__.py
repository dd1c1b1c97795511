"""What happens to the goods: from supplier to shelf, to the customer and sometimes back."""
