"""What a protein's sequence says about the terpene synthase family; imports from dataset and io."""
