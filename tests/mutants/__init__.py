"""Small mistakes put into the money core, one at a time: does a test notice?"""
